"""Application Auto Scaling in the local cloud: targets, policies with their alarms, timetables, activities."""
