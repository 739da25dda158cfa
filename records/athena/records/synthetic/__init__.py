"""A made-up consortium: people who don't exist, reproducible from a seed."""
