"""What members have to do in governance, and by when; it goes when it is done."""
