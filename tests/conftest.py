"""For all tests."""

import signal

# A shell starts background jobs with SIGINT ignored, and every process below inherits that: the programs that the tests
# start and interrupt would never notice. A handler of ours is not inherited, so they begin with the usual one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
