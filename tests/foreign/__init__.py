"""The bot against peers of other make: sipp, Debian's baresip, Kamailio, the RFCs' torture messages, mutated packets."""
