"""Delivery's figures for Prometheus, taken from the newest view."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from api.delivery.queue import TIMES_S
from api.delivery.view import DeliveryView


class DeliveryMetrics(Collector):
    """Collects from the view that the monitor last read."""

    def __init__(self) -> None:
        self.view: DeliveryView | None = None

    def collect(self) -> Iterator[Metric]:
        """Nothing before the first view."""
        view = self.view
        if view is None:
            return
        depth = GaugeMetricFamily(
            "xiaoan_delivery_outbox_depth", "Messages that are not settled", labels=["target"]
        )
        oldest = GaugeMetricFamily(
            "xiaoan_delivery_oldest_open_seconds", "Age of the oldest of them", labels=["target"]
        )
        overdue = GaugeMetricFamily(
            "xiaoan_delivery_unacknowledged",
            "Messages unacknowledged for longer than allowed",
            labels=["target"],
        )
        ended = GaugeMetricFamily(
            "xiaoan_delivery_ended_badly", "Rejected and given-up messages", labels=["target"]
        )
        up = GaugeMetricFamily(
            "xiaoan_delivery_path_up",
            "1 while signs of life come over the path",
            labels=["target", "path"],
        )
        for target in view.targets:
            name = [target.target_id]
            depth.add_metric(name, target.open)
            age_s = 0.0 if target.oldest_open is None else view.at - target.oldest_open
            oldest.add_metric(name, age_s)
            overdue.add_metric(name, target.overdue)
            ended.add_metric(name, target.ended_badly)
            for path in target.paths:
                up.add_metric([*name, path.path_id], float(path.state == "up"))
        beat = GaugeMetricFamily(
            "xiaoan_delivery_sender_beat_age_seconds", "Age of the sender's newest sign of life"
        )
        silent = float("inf")
        beat.add_metric([], silent if view.sender_beat is None else view.at - view.sender_beat)
        yield from (depth, oldest, overdue, ended, up, beat, _histogram(view))


def _histogram(view: DeliveryView) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "xiaoan_delivery_seconds",
        "From the alarm's transaction to sent, and to received",
        labels=["target", "stage"],
    )
    for (target_id, stage), sum_s in view.sums_s.items():
        buckets, total = [], 0.0
        for bound_s in TIMES_S:
            total += view.times.get((target_id, stage, bound_s), 0)
            buckets.append((str(bound_s), total))
        beyond = sum(
            count
            for (name, at, bound_s), count in view.times.items()
            if (name, at) == (target_id, stage) and bound_s > TIMES_S[-1]
        )
        buckets.append(("+Inf", total + beyond))
        family.add_metric([target_id, stage], buckets, sum_s)
    return family
