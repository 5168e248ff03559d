"""Ways of uncertainty side by side: do effects' standard errors hold, and what do they cost?"""
