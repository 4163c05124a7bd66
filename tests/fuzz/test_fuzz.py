"""Any input ends in a right result or in one clear line; and the rules notice what does not."""

from pathlib import Path

import pytest

from . import runner
from .__main__ import failures, report
from .by_call import OBJECTS, values_of
from .cases import case, good_cases, number_of_cases
from .processes import run_as_process
from .rules import Outcome, is_command, judge, names_in
from .surface import LEFT_OUT, calls, is_left_out, public, verbs

FAILED = Path(__file__).parent / "failed.txt"
SLICE, FULL, PROCESSES = 300, 5000, 50


def kept():
    return [
        line
        for line in FAILED.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]


def told(results, *, good=False):
    return report(failures(results, good=good))


# --- the contract ---------------------------------------------------------------------------------


def test_a_slice_of_cases_and_all_that_ever_failed():
    cases = [case(number) for number in range(SLICE)] + kept()
    assert told(runner.run(enumerate(cases))) == ""


@pytest.mark.slow
def test_many_cases():
    assert told(runner.run((number, case(number)) for number in range(SLICE, FULL))) == ""


@pytest.mark.slow
def test_no_index_out_of_bounds():
    """Compiled code checks its indices; it is compiled anew for that, so that a slice has to do."""
    assert told(runner.run(enumerate([case(number) for number in range(SLICE)]), bounds=True)) == ""


@pytest.mark.slow
def test_the_command_as_a_process(tmp_path):
    commands = [text for number in range(6 * PROCESSES) if is_command(text := case(number))]
    assert len(commands) == PROCESSES
    assert [(text, wrong) for text in commands if (wrong := run_as_process(text, tmp_path))] == []


@pytest.mark.slow
def test_good_values_are_not_refused():
    cases = [text for call in calls() for text in good_cases(call.key)]
    assert told(runner.run(enumerate(cases)), good=True) == ""


# --- the cases ------------------------------------------------------------------------------------


def test_there_are_values_for_every_parameter_and_objects_for_every_method():
    for call in calls():
        assert {call.owner, call.name} & {"", *OBJECTS}, call.name
        for parameter in call.parameters:
            assert values_of(call, parameter).good, f"{call.name}: {parameter.name}"


def test_what_is_left_out_is_there():
    """A name that is gone leaves the list."""
    names = {name for patterns in LEFT_OUT.values() for name in patterns if "*" not in name}
    assert names <= set(public())
    assert is_left_out("record.accumulators.TimeAverages.add")
    assert not is_left_out("Potential.energy")


def test_verbs_and_options_are_those_of_the_help(capsys):
    from langevin_sgd.cli import main

    for verb in verbs():
        with pytest.raises(SystemExit):
            main([*verb.words, "--help"])
        shown = capsys.readouterr().out
        for option in verb.options:
            wanted = "" if option.positional else f"--{option.name.replace('_', '-')}"
            assert wanted in shown, f"{verb.words}: {option.name}"


def test_a_case_is_always_the_same_and_one_line():
    texts = [case(number) for number in range(500)]
    assert texts == [case(number) for number in range(500)]
    assert all("\n" not in text and compile(text, "case", "eval") for text in texts)
    assert number_of_cases() > FULL


# --- the rules and the runner notice --------------------------------------------------------------

DELIBERATE = {
    "refuses(lr=0)": "",
    "takes_anything(lr=1)": "",
    "gives_nan(lr=1.0)": "NaN in result.value",
    "warns(lr=1.0)": "RuntimeWarning: overflow",
    "raises(lr=1)": "TypeError: unsupported operand",
    "calls(function=lambda: [][0])": "",
    "calls_wrongly(function=lambda: 1)": "TypeError: <lambda>() takes 0 positional arguments",
    "gives_nan(lr=float('nan'))": "",
    "gives_nan(lr=wrong(float('nan')))": "taken: {'value': nan}",
    "takes_anything(lr=wrong(None))": "taken: 1",
    "refuses_in_two_lines(lr=0)": "a refusal that is not one line",
    "refuses_namelessly(lr=0)": "a refusal that names no argument",
    "fills_the_memory(lr=1)": "MemoryError",
    "computes_without_end(lr=1)": "hangs: more than 5 s of computing",
    "crashes(lr=1)": "crashes: SIGSEGV",
}


def test_the_rules_notice_what_breaks_the_contract():
    texts = list(DELIBERATE)
    for result in runner.run(enumerate(texts), workers=1):
        wrong = DELIBERATE[result.text]
        assert result.wrong.startswith(wrong), result
        assert bool(result.wrong) == bool(wrong), result


def test_what_is_given_by_its_place_may_be_named_by_its_parameter():
    assert names_in("ls.derive_seed(wrong({}), 'a')") == {"seed", "labels"}
    assert names_in("ls.experiments.cell.train_cell(wrong(3))") == {"cell"}
    assert names_in("ls.SGD(lr=wrong('a'), batch_size=1)") == {"lr", "batch_size"}


def test_a_call_that_waits_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(runner, "WAIT", 1.0)
    (result,) = runner.run([(7, "waits_without_end(lr=1)")], workers=1)
    assert (result.number, result.wrong) == (7, "hangs: no answer within 1 s")


COMMANDS = [
    ("main(['env', '--json'])", Outcome(0, None, "{}"), ""),
    ("main(['env', '--json'])", Outcome(0, None, '{"a": NaN}'), "stdout is no strict JSON"),
    ("main(['env', wrong('x')])", Outcome(0), "taken, exit status 0"),
    ("main(['env', 'x'])", Outcome(2, None, "", "langevin-sgd: lr = x: must be positive\n"), ""),
    (
        "main(['env', 'x'])",
        Outcome(2, None, "", "langevin-sgd: lr = x:\nmust be positive\n"),
        "exit status 2 with 2",
    ),
    (
        "main(['env', 'x'])",
        Outcome(2, None, "", "langevin-sgd: it is bad\n"),
        "a refusal that names no option",
    ),
    (
        "main(['env', 'x'])",
        Outcome(1, None, "", "Traceback (most recent call last):\nE: x\n"),
        "a traceback: E: x",
    ),
    ("main(['env', 'x'])", Outcome(3), "exit status 3"),
    ("main(['env', 'x'])", Outcome(1), "exit status 1 without a word"),
    ("main(['env', 'x'])", Outcome(None, ValueError("x")), "ValueError: x"),
]


@pytest.mark.parametrize(("text", "outcome", "wrong"), COMMANDS)
def test_the_rules_of_the_command(text, outcome, wrong):
    assert judge(text, outcome).startswith(wrong)
    assert bool(judge(text, outcome)) == bool(wrong)


def test_a_worker_that_cannot_start_is_an_error(monkeypatch):
    """Cases that nobody ran have not passed."""
    monkeypatch.setattr(runner.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="does not start"):
        runner.run([(0, "takes_anything(lr=1)")])
