"""Processes: spawning, exits, output, the stop ladder, and the certainty that nothing is left.

An agent here is a process tree that carries a marker: the room starts its leader, tells when it ended
(by pidfd, never by end of file), reads what it writes in bounded chunks, and stops it so that the whole
tree is verified empty, whatever shape it took. It must not know tasks, roles, profiles or the store.
"""
