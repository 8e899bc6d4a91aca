"""The one durable place: connection, migrations, named queries, the single writer.

Contract: an answer means committed (`synchronous=FULL`); an entity is written only together
with its event, by `Transaction.record`; SQL stands only in `queries/` and `migrations/`.
It must not know roles, rights, task rules, processes or who reads its events.
"""
