"""The tables of engine and Dynamo options in `src/recipegen/facts/flags`, from the published packages.

`fetch` gets the packages of the lock, `parsers` runs a program's own argument parsing with `stubs` for what
is not there, `tables` puts together what it registers, and `literals` reads the source as a second opinion.

Run, not read: the parsers are asked as they are in a container. Aliases, choices from registries, hidden and
deprecated options, and the order in which parsers share a command line are then what they are, and not what
a reader of their source takes them for. The price is stand-ins for torch and its like; an option that depends
on one is an error.
"""
