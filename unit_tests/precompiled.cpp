// What the target test_headers compiles: it is there for the headers that it precompiles.
