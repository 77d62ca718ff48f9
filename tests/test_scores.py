"""Scores, aggregation, cards and the registry."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unswap.datasets.registry import Registry
from unswap.detectors.aggregation import frame_rules, parse, track_rules
from unswap.detectors.cards import Card, GenuineReference, Measurement, TrainingData
from unswap.detectors.scores import DetectorId, Status, VideoScore

logits = st.lists(st.floats(-30, 30), min_size=1, max_size=50)


@pytest.mark.parametrize("rule", [*frame_rules.names(), *track_rules.names()])
@given(values=logits)
def test_every_aggregation_lies_within_its_inputs_and_forgets_their_order(rule, values):
    registry = frame_rules if rule in frame_rules.names() else track_rules
    result = registry.get(rule)(values)
    assert min(values) - 1e-6 <= result <= max(values) + 1e-6
    assert registry.get(rule)(values[::-1]) == pytest.approx(result, abs=1e-6)


def test_mean_probability_is_the_logit_of_the_mean():
    values = [-1.0, 0.3, 4.0]
    mean = np.mean(1 / (1 + np.exp(-np.array(values))))
    result = frame_rules.get("mean-probability")(values)
    assert result == pytest.approx(np.log(mean / (1 - mean)))


def test_mean_probability_does_not_overflow():
    assert frame_rules.get("mean-probability")([800.0, 800.0]) == pytest.approx(800)


@pytest.mark.parametrize("rule", frame_rules.names())
def test_nothing_to_aggregate_is_an_error_not_a_number(rule):
    with pytest.raises(ValueError, match="got none"):
        frame_rules.get(rule)([])


def test_a_name_without_a_slash_is_refused():
    with pytest.raises(ValueError, match="FRAMES/TRACKS"):
        parse("mean-logit")


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.SCORED])
def test_a_failure_is_never_a_number(status):
    detector = DetectorId("d", "0", "1")
    with pytest.raises(ValueError, match="a score goes with status 'scored' alone"):
        VideoScore("v", "p", status, 0.5, detector, reason="because")
    with pytest.raises(ValueError, match="needs a reason"):
        VideoScore("v", "p", status, None, detector)


def test_scored_needs_a_score():
    with pytest.raises(ValueError, match="alone, got None"):
        VideoScore("v", "p", Status.SCORED, None, DetectorId("d", "0", "1"))


def test_percentile_counts_what_lies_below_and_half_of_the_ties():
    reference = GenuineReference("n", "d", (3.0, 1.0, 2.0, 2.0))
    assert reference.scores == (1.0, 2.0, 2.0, 3.0)
    assert reference.percentile(0.0) == 0
    assert reference.percentile(2.0) == 50
    assert reference.percentile(2.5) == 75
    assert reference.percentile(9.0) == 100


def test_a_card_survives_json():
    card = Card(
        name="n",
        version="1",
        summary="s",
        licence="l",
        command="c",
        training_data=(TrainingData("t", 3, "MIT", "note"),),
        measured=(
            Measurement("AUC", 0.9, "x", 10, (0.8, 1.0), "bootstrap"),
            Measurement("FPR", 0.1, "y", 10),
        ),
        limits=("one",),
        recipe={"steps": 3},
        genuine=GenuineReference("g", "d", (0.5, 1.5)),
    )
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card


def test_a_name_is_registered_once():
    registry: Registry[int] = Registry("thing")
    registry.register("a")(1)
    with pytest.raises(ValueError, match="thing 'a' is registered already"):
        registry.register("a")(2)
