"""The acceptance run: Kickstand's main job, and the questions that only an account can answer, on a real account.

    python -m acceptance ENV [--to ENV] [--local] [--yes] [--report FILE] [--remove]

It works in a project of its own, `ks-accept-XXXX`, in the account and region of ENV, and removes it at the end. What
it found goes into a report: each question, which assumption of which module it is about, and whether AWS proved or
corrected it. How to use it: docs/acceptance.md.
"""
