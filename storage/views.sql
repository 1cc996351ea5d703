-- What scoring reads. Recreated by a migration whenever this file changes (migrations.py).

-- One row per attempt with the three facts that are never merged: sip_status, answered_by, disposition.
-- `feedback` is the type of specification section 3 (only what the network and the flow can tell; NULL: the call was
-- talked through, or it is the network's or our own failure); `hung_up`: refused while ringing, or ended by the called
-- side within 10 s; `counts`: 1 where the attempt says something about the customer (n_call of section 3).
CREATE VIEW v_attempts AS
WITH facts AS (
  SELECT a.*, o.disposition, o.right_party, o.appointment, o.callback_at, o.intents, o.refusal, o.dispute, o.hardship,
    o.opt_out, o.transferred, o.hung_up_by, o.error, o.closed_at,
    coalesce(o.last_step, a.last_step) AS step_at_end,
    p.amount AS promise_amount, p.due_on AS promise_due_on, p.currency AS promise_currency,
    (o.hung_up_by = 'caller' AND a.talk_s <= 10) AS quick_hang_up
  FROM attempts a
  LEFT JOIN outcomes o ON o.attempt_id = a.id
  LEFT JOIN promises p ON p.attempt_id = a.id
),
typed AS (
  SELECT *,
    CASE
      WHEN direction = 'inbound' OR disposition IS NULL             THEN NULL
      WHEN error = 'trunk'                                          THEN NULL  -- no trunk took the call
      -- The network's part says the same as voicebot/model/sip_status.py; the Q.850 cause is nearer to what happened.
      WHEN answered_at IS NULL AND sip_cause IN (34, 38, 41, 42)    THEN NULL
      WHEN answered_at IS NULL AND sip_cause IN (1, 22, 28)         THEN 'invalid_number'
      WHEN answered_at IS NULL AND sip_cause = 20                   THEN 'powered_off'
      WHEN answered_at IS NULL AND sip_cause = 17                   THEN 'busy'
      WHEN answered_at IS NULL AND sip_cause IN (18, 19)            THEN 'no_answer'
      WHEN sip_status IN (404, 410, 484, 604)                       THEN 'invalid_number'
      WHEN error = 'announcement_not_in_service'                    THEN 'invalid_number'
      WHEN error = 'announcement_barred'                            THEN 'suspended'
      WHEN error = 'announcement_unreachable'                       THEN 'powered_off'
      WHEN disposition = 'WRONG_PARTY'                              THEN 'wrong_party'
      WHEN EXISTS (SELECT 1 FROM json_each(intents) WHERE value = 'third_party') THEN 'third_party'
      WHEN sip_status IN (603, 607, 608)                            THEN 'rejected'
      WHEN answered_by IN ('voicemail', 'ivr', 'screening')         THEN 'machine'
      WHEN disposition = 'VOICEMAIL'                                THEN 'machine'
      WHEN quick_hang_up                                            THEN 'rejected'
      WHEN sip_status IN (486, 600) OR disposition = 'BUSY'         THEN 'busy'
      WHEN sip_status IN (408, 480, 487) OR disposition = 'NO_ANSWER' THEN 'no_answer'
    END AS feedback
  FROM facts
)
SELECT
  t.id AS attempt_id, t.account_id, t.customer_id, c.name AS customer_name, t.campaign_id, t.flow, t.script_version,
  'phone' AS method, 'bot' AS handled_by, t.direction, t.driver, t.number_hash,
  t.planned_at, t.started_at, t.answered_at, t.ended_at, t.closed_at, t.local_time, t.timezone, t.state,
  t.sip_call_id, t.sip_status, t.sip_reason, t.sip_cause, t.trunk,
  t.answered_by, t.answered_by_cause,
  t.disposition, t.right_party, t.appointment, t.callback_at, t.intents, t.refusal, t.dispute, t.hardship, t.opt_out,
  t.transferred, t.hung_up_by, t.step_at_end AS last_step, t.error,
  t.talk_s, t.recording,
  t.voice_state, t.voice_reason, t.voice_score, t.voice_net_s,
  t.promise_amount, t.promise_due_on, t.promise_currency,
  t.feedback,
  CASE WHEN t.direction = 'outbound' AND t.disposition IS NOT NULL
       THEN t.feedback = 'rejected' IS TRUE END AS hung_up,
  (t.direction = 'outbound' AND t.disposition IS NOT NULL
    AND (t.feedback IS NOT NULL OR t.answered_at IS NOT NULL OR (t.sip_status BETWEEN 200 AND 299) IS TRUE)) AS counts,
  (SELECT avg(u.reply_gap_s) FROM turns u WHERE u.attempt_id = t.id) AS reply_gap_s,
  (SELECT count(*) FROM turns u WHERE u.attempt_id = t.id) AS turns,
  (SELECT count(*) FROM warning_evidence w WHERE w.attempt_id = t.id) AS warnings
FROM typed t
LEFT JOIN customers c ON c.id = t.customer_id;

-- Contacts per account over all time (section 3, S21-S24); a window is `v_attempts` with a condition on started_at.
CREATE VIEW v_case_contacts AS
SELECT
  a.id AS account_id, a.customer_id,
  coalesce(sum(v.counts), 0) AS n_call,
  coalesce(sum(v.hung_up), 0) AS n_hang,
  count(*) FILTER (WHERE v.feedback = 'invalid_number') AS n_invalid_number,
  count(*) FILTER (WHERE v.feedback = 'suspended') AS n_suspended,
  count(*) FILTER (WHERE v.feedback = 'wrong_party') AS n_wrong_party,
  count(*) FILTER (WHERE v.feedback = 'third_party') AS n_third_party,
  count(*) FILTER (WHERE v.feedback = 'rejected') AS n_rejected,
  count(*) FILTER (WHERE v.feedback = 'powered_off') AS n_powered_off,
  count(*) FILTER (WHERE v.feedback = 'machine') AS n_machine,
  count(*) FILTER (WHERE v.feedback = 'busy') AS n_busy,
  count(*) FILTER (WHERE v.feedback = 'no_answer') AS n_no_answer,
  count(*) FILTER (WHERE v.right_party = 1) AS n_right_party,
  count(*) FILTER (WHERE v.direction = 'inbound') AS n_inbound,
  max(v.started_at) AS last_attempt_at,
  max(v.started_at) FILTER (WHERE v.right_party = 1) AS last_right_party_at
FROM accounts a
LEFT JOIN v_attempts v ON v.account_id = a.id
GROUP BY a.id;

-- Promises to pay; `kept` is NULL until a payment (or its absence) is known.
CREATE VIEW v_promises AS
SELECT p.attempt_id, p.account_id, p.customer_id, a.flow, p.amount, p.currency, p.due_on, p.made_at, p.kept,
  l.due AS instalment, l.due_on AS instalment_due_on, l.outstanding
FROM promises p
JOIN attempts a ON a.id = p.attempt_id
LEFT JOIN accounts l ON l.id = p.account_id;

-- One row per call in which the voice was judged: the material for calibration and for acceptance rates.
CREATE VIEW v_voiceprint AS
SELECT a.id AS attempt_id, a.customer_id, a.flow, a.direction, a.started_at,
  a.voice_state, a.voice_reason, a.voice_score, a.voice_llr, a.voice_net_s, a.voice_accept_limit, a.voice_reject_limit,
  a.voice_model, a.voice_calibration, o.disposition, o.right_party,
  (SELECT max(v.enrolled_at) FROM voiceprints v
    WHERE v.customer_id = a.customer_id AND v.enrolled_at <= a.started_at) AS enrolled_at
FROM attempts a
LEFT JOIN outcomes o ON o.attempt_id = a.id
WHERE a.voice_state IS NOT NULL;

-- Figures per UTC day, flow, campaign, script and direction (section 4, Q4: what one call table can tell).
CREATE VIEW v_daily AS
SELECT
  date(started_at) AS day, flow, campaign_id, script_version, direction,
  count(*) AS attempts,
  count(answered_at) AS answered,
  count(*) FILTER (WHERE answered_by = 'human') AS human,
  count(*) FILTER (WHERE answered_by IN ('voicemail', 'ivr', 'screening')) AS machine,
  count(*) FILTER (WHERE right_party = 1) AS right_party,
  count(*) FILTER (WHERE disposition = 'RPC_VERIFIED') AS verified,
  count(promise_amount) AS promises,
  count(*) FILTER (WHERE refusal = 1) AS refusals,
  count(*) FILTER (WHERE opt_out = 1) AS opt_outs,
  count(*) FILTER (WHERE transferred = 1) AS transfers,
  count(*) FILTER (WHERE disposition = 'TECHNICAL_FAILURE') AS technical_failures,
  count(*) FILTER (WHERE voice_state = 'match') AS voice_match,
  count(*) FILTER (WHERE voice_state = 'mismatch') AS voice_mismatch,
  count(*) FILTER (WHERE voice_state = 'inconclusive') AS voice_inconclusive,
  sum(warnings) AS warnings,
  avg(talk_s) AS mean_talk_s,
  avg(reply_gap_s) AS mean_reply_gap_s
FROM v_attempts
GROUP BY day, flow, campaign_id, script_version, direction;
