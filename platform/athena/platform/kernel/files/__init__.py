"""Files: attachments sealed under a key of their force before they reach the store."""
