"""Turns a conclusion into report.html: one page that needs nothing but a browser, or paper. It is made by `page`."""
