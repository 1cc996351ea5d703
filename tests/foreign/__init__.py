"""The bot against peers of other make: sipp, baresip, Kamailio, torture messages, mutated packets."""
