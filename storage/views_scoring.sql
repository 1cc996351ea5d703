-- What scoring reads beside views.sql; made again with it.

-- Every contact with a debtor: the bot's attempts and messages, and what others did (S11-S13). `counts`: part of n_call; `hung_up`;
-- `answered`: the right party gave a substantive answer. `id` is attempt:N, message:N or contact:N.
CREATE VIEW v_contacts AS
SELECT 'attempt:' || attempt_id AS id, attempt_id, account_id, customer_id, NULL AS collector_id, 'phone' AS method,
  direction, started_at AS at, talk_s AS duration_s,
  CASE feedback WHEN 'invalid_number' THEN 'invalid' ELSE feedback END AS feedback,
  coalesce(hung_up, 0) AS hung_up, coalesce(counts, 0) AS counts, right_party,
  (right_party = 1 AND disposition IN ('RPC_VERIFIED', 'PROMISE_TO_PAY', 'REFUSED', 'DISPUTE', 'HARDSHIP', 'CALLBACK',
    'INVITATION_ACCEPTED', 'INVITATION_DECLINED', 'TRANSFERRED', 'DO_NOT_CALL')) IS TRUE AS answered,
  talk_s AS feedback_after_s
FROM v_attempts
UNION ALL
SELECT 'message:' || m.id, NULL, j.account_id, j.customer_id, NULL, m.method, 'outbound', m.sent_at, NULL, NULL, 0, 0,
  NULL, 0, NULL
FROM messages m JOIN jobs j ON j.id = m.job_id WHERE m.state = 'sent' AND m.sent_at IS NOT NULL
UNION ALL
SELECT 'contact:' || c.seq, NULL, c.account_id, a.customer_id, c.collector_id, c.method,
  'outbound', c.at, c.duration_s, c.feedback, (c.feedback = 'rejected') IS TRUE, c.method = 'phone', c.right_party,
  (c.right_party = 1 AND c.answered = 1) IS TRUE, c.feedback_after_s
FROM contacts c JOIN accounts a ON a.id = c.account_id;

-- Instalments. With a schedule, payments fill it from its beginning; without one, `accounts` holds the one that is due,
-- and what was paid in the 35 days before it or since counts for it. Amounts are numbers here: for shares, not for bills.
CREATE VIEW v_dues AS
WITH lines AS (
  SELECT account_id, n, due_on, CAST(due AS REAL) AS due,
    sum(CAST(due AS REAL)) OVER (PARTITION BY account_id ORDER BY n) AS upto, '' AS since
  FROM schedules
  UNION ALL
  SELECT id, 1, due_on, CAST(due AS REAL), CAST(due AS REAL), date(due_on, '-35 days')
  FROM accounts WHERE id NOT IN (SELECT account_id FROM schedules)
)
SELECT l.account_id, a.customer_id, coalesce(a.product_id, a.product) AS product, a.channel_id AS channel,
  a.funding_source_id AS funding, a.agent_id AS agent, a.currency, l.n, l.due_on, l.due,
  CAST(a.outstanding AS REAL) AS outstanding,
  (l.upto <= 0.005 + coalesce((SELECT sum(CAST(p.amount AS REAL)) FROM payments p
    WHERE p.account_id = l.account_id AND p.paid_at >= l.since), 0)) AS paid
FROM lines l JOIN accounts a ON a.id = l.account_id;

-- Section 4, Q4: counts per day and dimension. Rates are made of them (voicebot/scoring/performance.py).
CREATE VIEW v_performance AS
SELECT
  date(v.started_at) AS day, v.campaign_id AS campaign, coalesce(a.product_id, a.product) AS product,
  a.channel_id AS channel, a.funding_source_id AS funding, v.script_version AS script, a.agent_id AS agent, a.currency,
  count(*) AS attempts,
  count(v.answered_at) AS connects,
  count(*) FILTER (WHERE v.right_party = 1) AS right_party,
  count(*) FILTER (WHERE v.answered_by IN ('voicemail', 'ivr', 'screening')) AS machine,
  count(v.promise_amount) AS promises,
  count(p.kept) AS promises_judged,
  count(*) FILTER (WHERE p.kept = 1) AS promises_kept,
  count(DISTINCT v.account_id) AS accounts,
  sum(v.talk_s) AS talk_s,
  count(v.talk_s) AS talks,
  count(*) FILTER (WHERE v.transferred = 1) AS transfers,
  count(*) FILTER (WHERE v.answered_at IS NOT NULL AND v.transferred IS NOT 1 AND v.disposition IN ('RPC_VERIFIED',
    'PROMISE_TO_PAY', 'REFUSED', 'INVITATION_ACCEPTED', 'INVITATION_DECLINED', 'WRONG_PARTY', 'DO_NOT_CALL')) AS contained,
  count(*) FILTER (WHERE v.refusal = 1) AS refusals,
  count(*) FILTER (WHERE v.opt_out = 1) AS opt_outs,
  count(*) FILTER (WHERE EXISTS (SELECT 1 FROM json_each(v.intents) WHERE value = 'complaint')) AS complaints,
  count(*) FILTER (WHERE v.voice_state = 'match') AS voice_accept,
  count(*) FILTER (WHERE v.voice_state = 'mismatch') AS voice_reject,
  count(*) FILTER (WHERE v.voice_state = 'inconclusive') AS voice_inconclusive,
  count(*) FILTER (WHERE v.answered_at IS NOT NULL AND (v.disposition = 'HUNG_UP' OR v.hung_up_by = 'network')) AS drops,
  sum(v.warnings) AS warnings,
  sum(CAST(json_extract(r.result, '$.rating') AS REAL)) AS rating_sum,
  count(json_extract(r.result, '$.rating')) AS rated
FROM v_attempts v
LEFT JOIN accounts a ON a.id = v.account_id
LEFT JOIN promises p ON p.attempt_id = v.attempt_id
LEFT JOIN scores r ON r.kind = 'service-rating' AND r.subject = 'attempt:' || v.attempt_id AND r.newest = 1
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- Of the instalments that were due when an account was called that day: how much, how much of it is paid by now, how
-- many accounts were overdue, and how many of them are not any more (section 4, Q4). Each account once.
CREATE VIEW v_performance_money AS
WITH called AS (
  SELECT DISTINCT date(started_at) AS day, campaign_id AS campaign, script_version AS script, account_id FROM attempts
)
SELECT c.day, c.campaign, d.product, d.channel, d.funding, c.script, d.agent, d.currency,
  sum(d.due) AS amount_due, sum(CASE WHEN d.paid THEN d.due ELSE 0 END) AS amount_paid,
  count(DISTINCT c.account_id) FILTER (WHERE d.due_on < c.day) AS overdue,
  count(DISTINCT c.account_id) FILTER (WHERE d.due_on < c.day)
    - count(DISTINCT c.account_id) FILTER (WHERE d.due_on < c.day AND NOT d.paid) AS cured
FROM called c JOIN v_dues d ON d.account_id = c.account_id AND d.due_on BETWEEN date(c.day, '-31 days') AND date(c.day, '+7 days')
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- The results of the follow-up after disbursement (section 4, Q2): 1 as it should be, 0 wrong, NULL not asked or not clear.
-- `needs_human`: a person was asked to look into it; `rating`: the customer's, of the service.
CREATE VIEW v_follow_ups AS
SELECT v.attempt_id, v.account_id, v.customer_id, v.campaign_id, v.started_at, v.disposition, v.right_party,
  (SELECT CASE result WHEN 'match' THEN 1 WHEN 'mismatch' THEN 0 END FROM item_results i
    WHERE i.attempt_id = v.attempt_id AND i.item = 'purpose') AS purpose_ok,
  (SELECT CASE result WHEN 'match' THEN 1 WHEN 'mismatch' THEN 0 END FROM item_results i
    WHERE i.attempt_id = v.attempt_id AND i.item = 'procedure') AS procedure_ok,
  (SELECT CASE result WHEN 'match' THEN 1 WHEN 'mismatch' THEN 0 END FROM item_results i
    WHERE i.attempt_id = v.attempt_id AND i.item = 'identity') AS identity_ok,
  EXISTS (SELECT 1 FROM json_each(v.intents) WHERE value = 'complaint') AS complaint,
  EXISTS (SELECT 1 FROM tasks t WHERE t.attempt_id = v.attempt_id) AS needs_human,
  (SELECT json_extract(result, '$.rating') FROM scores r
    WHERE r.kind = 'service-rating' AND r.subject = 'attempt:' || v.attempt_id AND r.newest = 1) AS rating
FROM v_attempts v WHERE v.flow = 'follow_up' AND v.disposition IS NOT NULL;
