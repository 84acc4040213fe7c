"""Marks of results: invisible watermark, Content Credentials, visible label; and their verification."""
