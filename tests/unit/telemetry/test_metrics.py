import mmap
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from safedns import _native
from safedns.telemetry import metrics

WORKERS = 3
LAYOUT = _native.counter_layout()


@pytest.fixture
def counters():
    shared = mmap.mmap(-1, WORKERS * _native.COUNTERS * 8)
    yield shared
    shared.close()


def put(counters, worker, index, value):
    at = (worker * _native.COUNTERS + index) * 8
    counters[at : at + 8] = value.to_bytes(8, "little")


def find(metric, **labels):
    for name, notation, index, _ in LAYOUT:
        if name == metric and all(f'{label}="{value}"' in notation for label, value in labels.items()):
            return index
    raise AssertionError(f"no counter {metric} {labels}")


def families(counters, facts=None):
    scraped = metrics.Metrics(counters)
    scraped.list = facts
    return {family.name: family for family in text_string_to_metric_families(scraped.render().decode())}


def value(family, suffix="", **labels):
    (sample,) = [sample for sample in family.samples if sample.name == family.name + suffix and sample.labels == labels]
    return sample.value


def test_workers_are_added_up(counters):
    index = find("safedns_queries_total", protocol="udp", type="AAAA")
    for worker, count in enumerate((1, 20, 2**53 - 21)):
        put(counters, worker, index, count)
    assert value(families(counters)["safedns_queries"], "_total", protocol="udp", type="AAAA") == 2**53


def test_categories_have_names(counters):
    put(counters, 0, find("safedns_blocked_total", category="23"), 7)
    family = families(counters)["safedns_blocked"]
    assert value(family, "_total", category="gambling") == 7
    assert value(family, "_total", category="porn") == 0
    assert not [sample for sample in family.samples if sample.labels["category"].isdigit()]


def test_block_of_an_unknown_category_still_counts(counters):
    put(counters, 0, find("safedns_blocked_total", category="63"), 7)
    assert value(families(counters)["safedns_blocked"], "_total", category="63") == 7


def test_types_follow_names(counters):
    found = families(counters)
    for metric, _, _, length in LAYOUT:
        name = metric.removesuffix("_total")
        expected = "histogram" if length > 1 else "counter" if name != metric else "gauge"
        assert found[name].type == expected, metric


@pytest.mark.parametrize("metric", sorted({metric for metric, _, _, length in LAYOUT if length > 1}))
def test_histogram_is_cumulative_and_in_seconds(counters, metric):
    index = find(metric)
    bounds = _native.histogram_bounds(metric)
    put(counters, 0, index, 2)
    put(counters, 1, index + 1, 3)
    put(counters, 2, index + len(bounds) - 1, 1)
    put(counters, 0, index + len(bounds), 1_500_000_000)
    family = families(counters)[metric]
    assert [sample.value for sample in family.samples if sample.name.endswith("_bucket")] == [
        2,
        *[5] * (len(bounds) - 2),
        6,
    ]
    assert [float(sample.labels["le"]) for sample in family.samples if sample.name.endswith("_bucket")] == bounds
    assert value(family, "_count") == 6
    assert value(family, "_sum") == 1.5


def test_every_native_metric_is_described():
    assert {metric for metric, *_ in LAYOUT} == metrics.HELP.keys()


def test_list_facts(counters):
    facts = metrics.ListFacts(serial=41, entries=5, names=6, modified=1000.0)
    found = {family.name: family for family in metrics.own_families(facts, now=1060.0)}
    assert value(found["safedns_list_serial"]) == 41
    assert value(found["safedns_list_entries"]) == 5
    assert value(found["safedns_list_names"]) == 6
    assert value(found["safedns_list_modified_timestamp_seconds"]) == 1000
    assert value(found["safedns_list_age_seconds"]) == 60
    assert value(found["safedns_list_loaded"]) == 1


def test_clock_before_the_list_gives_no_negative_age(counters):
    facts = metrics.ListFacts(serial=1, entries=1, names=1, modified=2000.0)
    found = {family.name: family for family in metrics.own_families(facts, now=10.0)}
    assert value(found["safedns_list_age_seconds"]) == 0


def test_without_a_list_there_is_no_serial(counters):
    found = families(counters)
    assert value(found["safedns_list_loaded"]) == 0
    assert "safedns_list_serial" not in found


def test_nothing_looks_like_a_name_or_an_address(counters):
    for family in families(counters).values():
        for sample in family.samples:
            for label, text in sample.labels.items():
                if label != "python":
                    assert not re.search(r"[a-z]\.[a-z]|\d+\.\d+\.\d+|::", text), sample
