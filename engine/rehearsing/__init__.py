"""Policies played on virtual time: scenarios beside a policy, their estate, inputs, expectations and coverage."""
