"""The decision point: Rego compiled by OPA to WebAssembly and evaluated in the process."""
