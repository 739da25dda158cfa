"""Person checks: does an agreement let this partner know something of this person?"""
