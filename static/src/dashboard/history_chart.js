/** @odoo-module **/

import {Component, onWillStart, onWillUnmount, useEffect, useRef} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {deserializeDateTime} from "@web/core/l10n/dates";
import {loadBundle} from "@web/core/assets";
import {localization} from "@web/core/l10n/localization";
import {DIGITS} from "./account_state";

/**
 * The last 24 hours of an account: orders as bars, the lag of what was sent as a line, and the lag that it should stay
 * below. Drawn on a canvas, so it is told in words beside it.
 */
export class HistoryChart extends Component {
    setup() {
        this.canvas = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => {
                this.draw();
            },
            () => [JSON.stringify(this.props.hours)],
        );
        onWillUnmount(() => this.chart?.destroy());
    }

    get summary() {
        const orders = this.props.hours.reduce((sum, hour) => sum + hour.orders, 0);
        const lags = this.props.hours.map((hour) => hour.lag).filter((lag) => lag !== null);
        const longest = lags.length ? Math.max(...lags).toFixed(1) : "0";
        return _t("Last 24 hours: %s orders; changes took up to %s seconds to reach the marketplace.", orders, longest);
    }

    get busyHours() {
        return this.props.hours.filter((hour) => hour.orders || hour.lag !== null).reverse();
    }

    clock(hour) {
        return deserializeDateTime(hour.start).toFormat("HH:mm", DIGITS);
    }

    draw() {
        const data = this.data();
        if (this.chart) {
            this.chart.data = data;
            this.chart.update("none");
            return;
        }
        // eslint-disable-next-line no-undef
        this.chart = new Chart(this.canvas.el, {data, options: this.options()});
    }

    /**
     * Time runs as people read; texts are of the page's colour, light or dark.
     */
    options() {
        const rtl = localization.direction === "rtl";
        const [start, end] = rtl ? ["right", "left"] : ["left", "right"];
        const color = getComputedStyle(this.canvas.el).color;
        return {
            color,
            animation: false,
            maintainAspectRatio: false,
            plugins: {legend: {position: "bottom", rtl, labels: {boxWidth: 12, color}}, tooltip: {rtl}},
            scales: {
                orders: {beginAtZero: true, position: start, ticks: {precision: 0, color}},
                lag: {
                    beginAtZero: true,
                    position: end,
                    suggestedMax: this.props.goal,
                    grid: {display: false},
                    ticks: {color, callback: (value) => _t("%s s", value)},
                },
                x: {reverse: rtl, grid: {display: false}, ticks: {maxTicksLimit: 8, color}},
            },
        };
    }

    data() {
        const hours = this.props.hours;
        return {
            labels: hours.map((hour) => this.clock(hour)),
            datasets: [
                {
                    type: "line",
                    label: _t("Lag, 95 % (s)"),
                    data: hours.map((hour) => hour.lag),
                    yAxisID: "lag",
                    borderColor: "#b35c00",
                    backgroundColor: "#b35c00",
                    spanGaps: true,
                },
                {
                    type: "line",
                    label: _t("Should be below"),
                    data: hours.map(() => this.props.goal),
                    yAxisID: "lag",
                    borderColor: "#6c757d",
                    backgroundColor: "#6c757d",
                    borderDash: [4, 4],
                    borderWidth: 1,
                    pointRadius: 0,
                },
                {
                    type: "bar",
                    label: _t("Orders"),
                    data: hours.map((hour) => hour.orders),
                    yAxisID: "orders",
                    backgroundColor: "#714b67",
                },
            ],
        };
    }
}

HistoryChart.template = "cartona_integration.HistoryChart";
HistoryChart.props = {hours: Array, goal: Number};
