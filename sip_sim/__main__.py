"""`python -m sip_sim`."""

from sip_sim.cli import main

main()
