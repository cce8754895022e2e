from safedns.config.words import ANSWER_MODES
from safedns.policy.model import AnswerMode


def test_every_mode_of_the_configuration_has_its_native_number() -> None:
    assert [mode.name.lower() for mode in AnswerMode] == list(ANSWER_MODES)
    assert list(AnswerMode) == [0, 1, 2, 3]
