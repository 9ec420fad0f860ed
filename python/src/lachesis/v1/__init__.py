"""Generated messages and stubs of the contract `lachesis.v1`."""
