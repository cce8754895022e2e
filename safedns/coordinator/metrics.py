"""What an instance tells Prometheus: how it is asked, and how far the fleet is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from safedns.coordinator.schema import Change, Channel, Device, Release

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric
    from sqlalchemy.ext.asyncio import AsyncSession
    from starlette.types import Scope

    from safedns.coordinator.push import Hub
    from safedns.coordinator.static import Static

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)


class Metrics:
    """Counters of one instance; the page has what the database says besides."""

    def __init__(self, hub: Hub, static: Static) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Live(hub, static))
        self._requests = Counter(
            "safedns_coordinator_requests", "Requests to the API.", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "safedns_coordinator_request_seconds", "Their time.", registry=self._registry, buckets=_SECONDS
        )

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request, by the route and not by the path: what people asked for stays with them."""
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(f"{scope['method']} {route}"[:80] if route != "none" else route, str(status)).inc()
        self._seconds.observe(seconds)

    async def page(self, session: AsyncSession) -> bytes:
        """The page that Prometheus reads."""
        found = [
            await _gauge(session, "safedns_coordinator_changes", "Changes by state.", "state", Change.state),
            await _gauge(session, "safedns_coordinator_releases", "Releases by state.", "state", Release.state),
            await _gauge(session, "safedns_coordinator_devices", "Devices by channel.", "channel", Device.channel),
        ]
        serials = GaugeMetricFamily("safedns_coordinator_serial", "Newest serial of a channel.", labels=("channel",))
        for name, serial in await session.execute(select(Channel.name, Channel.serial)):
            serials.add_metric((name,), serial)
        once = CollectorRegistry()
        once.register(_Fixed([*found, serials]))
        return generate_latest(self._registry) + generate_latest(once)


class _Live(Collector):
    def __init__(self, hub: Hub, static: Static) -> None:
        self._hub = hub
        self._static = static

    def collect(self) -> Iterable[Metric]:
        """What changes all the time."""
        yield GaugeMetricFamily("safedns_coordinator_connected", "Routers connected.", self._hub.connected)
        yield CounterMetricFamily("safedns_coordinator_events", "Events sent to them.", self._hub.sent)
        yield CounterMetricFamily("safedns_coordinator_files", "Files served.", self._static.served)


class _Fixed(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """What was found."""
        return self._families


async def _gauge(session: AsyncSession, name: str, text: str, label: str, column: object) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for value, count in await session.execute(select(column, func.count()).group_by(column)):  # type: ignore[call-overload]
        family.add_metric((value,), count)
    return family
