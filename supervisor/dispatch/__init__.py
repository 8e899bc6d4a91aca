"""What happens next without anybody asking: upkeep when time passes, the run's end when work is over.

Contract: event driven, with a 5 s safety tick; every decision is a use case of the coordinator.
It must not know processes, sockets, screens or how an agent is talked to.
"""
