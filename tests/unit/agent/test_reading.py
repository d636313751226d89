"""Goals in six languages: what their text decides, what is asked, and that nothing is lost silently."""

import threading

import pytest

from mlagent_tui.agent.planner import Planner
from mlagent_tui.agent.reading import Typed, read
from mlagent_tui.errors import GoalError
from mlagent_tui.llm import open_model

ACC, LOSS = "accuracy", "val_loss"
DECIDED = [
    ("MNIST at no fewer than 97 % with at most 30,000 weights", "mnist", ACC, ">=", 0.97, 30_000, None),
    ("make the digits classifier exceed 0.93, keep it below 7k params", "digits", ACC, ">", 0.93, 7000, None),
    ("Fashion-MNIST, val loss below 0,3 and no more than 45 s", "fashion_mnist", LOSS, "<", 0.3, None, 45),
    (
        "cifar-100: error rate of at most 35%, ½ million parameters",
        "cifar100",
        ACC,
        ">=",
        0.65,
        500_000,
        None,
    ),
    ("wrong in fewer than 4 % of cases on mnist", "mnist", ACC, ">", 0.96, None, None),
    (
        "CIFAR10, 88% accuracy, batch size 128, dropout 0.3, 3x3 kernels",
        "cifar10",
        ACC,
        ">=",
        0.88,
        None,
        None,
    ),
    ("a CNN with dropout on cifar10, 65%", "cifar10", ACC, ">=", 0.65, None, None),
    ("digits, 95%, it must not have more than 60k parameters", "digits", ACC, ">=", 0.95, 60_000, None),
    ("digits at 95%, may not take more than 30 seconds", "digits", ACC, ">=", 0.95, None, 30),
    ("a CNN on digits, right on 19 of 20 images", "digits", ACC, ">=", 0.95, None, None),
    (
        "a conv net with batch norm on the digits, exceeding 0.91 accuracy",
        "digits",
        ACC,
        ">",
        0.91,
        None,
        None,
    ),
    ("10k parameters at most, digits, 95%", "digits", ACC, ">=", 0.95, 10_000, None),
    ("digits for a 16 GB machine, 20 epochs, nine out of ten right", "digits", ACC, ">=", 0.9, None, None),
    ("dummy: validation loss at most 1.5e-1, params up to 3×10^4", "dummy", LOSS, "<=", 0.15, 30_000, None),
    (
        "Digits mit mindestens 96,5 % Genauigkeit, weniger als 12.000 Parameter",
        "digits",
        ACC,
        ">=",
        0.965,
        12_000,
        None,
    ),
    ("MNIST: Fehlerrate unter 2 %, Training höchstens eine halbe Minute", "mnist", ACC, ">", 0.98, None, 30),
    ("CIFAR-10 mit über achtzig Prozent, maximal zwei Minuten", "cifar10", ACC, ">", 0.8, None, 120),
    (
        "Quiero al menos un 91 % de precisión en Fashion MNIST con menos de 60 000 parámetros",
        "fashion_mnist",
        ACC,
        ">=",
        0.91,
        60_000,
        None,
    ),
    (
        "MNIST, pérdida de validación inferior a 0,08, dos minutos como máximo",
        "mnist",
        LOSS,
        "<",
        0.08,
        None,
        120,
    ),
    (
        "cifar10 : au moins 85 % d'exactitude, moins de 1,5 million de paramètres",
        "cifar10",
        ACC,
        ">=",
        0.85,
        1_500_000,
        None,
    ),
    ("Sur digits, un taux d'erreur d'au plus 6 %, 15 secondes maximum", "digits", ACC, ">=", 0.94, None, 15),
    ("MNISTで精度97.5%以上、パラメータ5万以下、学習は2分以内", "mnist", ACC, ">=", 0.975, 50_000, 120),
    ("Fashion-MNISTの検証損失を0.4未満に", "fashion_mnist", LOSS, "<", 0.4, None, None),
    ("CIFAR-10上准确率超过85%,参数不超过50万,训练90秒以内", "cifar10", ACC, ">", 0.85, 500_000, 90),
    ("digits 错误率低于百分之五", "digits", ACC, ">", 0.95, None, None),
]
ASKED = [
    ("digits at 120 % accuracy", "threshold"),
    ("MNIST and CIFAR-10, 90% accuracy", "dataset"),
    ("cifar10 and cifar100, 50%", "dataset"),
    ("mnist with F1 above 0.95", "metric"),
    ("digits, AUC of 0.9", "metric"),
    ("digits, top-5 accuracy above 99%", "metric"),
    ("RMSE below 2 on the dummy data", "metric"),
    ("Digits, R² über 0,9", "metric"),
    ("a small network for mnist", "threshold"),
    ("mnist, at least 95% but no more than 90%", "threshold"),
    ("90% accuracy on our X-ray pictures", "dataset"),
    ("digits, 95%, under 10k parameters or 20k parameters", "max_parameters"),
    ("digits, 95%, at least 50k parameters", "max_parameters"),
    ("mnist, loss of -1", "threshold"),
    ("digits, one mistake in fifty", "threshold"),
]
NAMES = ("dataset", "metric", "comparison", "threshold", "max_parameters", "max_seconds")


@pytest.mark.parametrize("case", DECIDED, ids=lambda case: case[0])
def test_the_text_decides_data_set_criterion_and_limits(case: tuple[object, ...]) -> None:
    text, *want = case
    reading = read(str(text))
    assert [str(q) for q in reading.questions] == []
    assert reading.goal() == pytest.approx(dict(zip(NAMES, want, strict=True)))
    assert (reading.open, reading.warnings) == ([], [])


@pytest.mark.parametrize(("text", "part"), ASKED)
def test_what_is_missing_impossible_or_contradictory_is_asked(text: str, part: str) -> None:
    assert part in [question.part for question in read(text).questions]


def test_a_limit_beyond_the_first_600_characters_counts() -> None:
    text = "digits, 95% accuracy. " + "We thank everybody who helps us. " * 60 + "At most 9k parameters."
    assert read(text).max_parameters == 9000


def test_options_count_before_the_text_and_a_contradiction_is_warned_about() -> None:
    typed = Typed(dataset="mnist", threshold=0.9, max_parameters=5000, max_seconds=8)
    reading = read("digits, at least 95%, under 20k parameters", typed)
    assert reading.goal() == dict(zip(NAMES, ("mnist", ACC, ">=", 0.9, 5000, 8), strict=True))
    assert len(reading.warnings) == 3
    assert reading.questions == []


def test_options_answer_a_question() -> None:
    text = "mnist and cifar10, F1 above 0.95"
    answered = read(text, Typed(dataset="mnist", metric="accuracy", threshold=0.9))
    assert (answered.questions, answered.dataset, answered.threshold) == ([], "mnist", 0.9)


@pytest.mark.parametrize("text", ["digits, 95% acc, max20k params", "digits, 95%, fits in 20k"])
def test_a_number_that_nothing_accounts_for_is_warned_about_or_left_to_the_model(text: str) -> None:
    reading = read(text)
    assert reading.warnings or reading.open


def test_the_bundled_model_changes_nothing_that_the_text_decides() -> None:
    model = open_model("bundled")
    planner = Planner(model, 0, lambda *_: None, lambda *_: None, threading.Event())
    try:
        for text, *want in DECIDED:
            understood = planner.understand(text)
            got = [getattr(understood.goal, name) for name in NAMES]
            assert got == pytest.approx(want), text
        with pytest.raises(GoalError, match="F1"):
            planner.understand("mnist with F1 above 0.95")
    finally:
        model.close()
