"""A suite that is told to end takes down what it made, the throwaway database above all."""

import signal


def test_the_signal_to_end_is_taken_as_an_interrupt() -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
