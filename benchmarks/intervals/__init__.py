"""Do the intervals hold, in either direction that a user can ask, over many kinds of data?"""
