"""Pages outside the admin: health, the landing page, sign-up."""
