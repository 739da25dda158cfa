"""The consortium's accounts: charges, commitments, invoices, payments, in double entry."""
