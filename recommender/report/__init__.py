"""Turns a conclusion into report.html: one page that needs nothing but a browser, or paper."""

from recommender.report.page import report_html

__all__ = ["report_html"]
