"""Who is speaking: net speech, quality, evidence, calibration, decision, enrolment. Pure: no model, no clock."""
