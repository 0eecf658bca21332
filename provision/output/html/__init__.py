"""The HTML page: its values, the drawing of who follows whom, and the details of each host."""
