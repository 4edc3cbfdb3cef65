-- A sample database worth dumping: a household's books over ten years. About 380,000 rows, made by the server itself, the
-- same on every run of one major version. Load it with: psql -X -v ON_ERROR_STOP=1 -f sample.sql
\set QUIET on
SET client_encoding = 'UTF8';
SET client_min_messages = warning;
SET timezone = 'UTC';
SET standard_conforming_strings = on;

BEGIN;
SELECT setseed(0.42) \g /dev/null

CREATE SCHEMA ledger;
CREATE SCHEMA documents;
CREATE SCHEMA audit;
COMMENT ON SCHEMA ledger IS 'Accounts and what moved between them';

-- ledger ------------------------------------------------------------------------------------------------------------------

CREATE TYPE ledger.account_kind AS ENUM ('checking', 'savings', 'credit card', 'cash', 'depot');
CREATE DOMAIN ledger.currency AS char(3) CHECK (VALUE ~ '^[A-Z]{3}$');
CREATE SEQUENCE ledger.voucher_number START WITH 100000 INCREMENT BY 7;

CREATE TABLE ledger.account (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  kind ledger.account_kind NOT NULL,
  currency ledger.currency NOT NULL DEFAULT 'EUR',
  iban text,
  opened_on date NOT NULL,
  closed_on date,
  settings jsonb NOT NULL DEFAULT '{}',
  CHECK (closed_on > opened_on)
);

CREATE TABLE ledger.category (
  id smallint PRIMARY KEY,
  parent_id smallint REFERENCES ledger.category,
  name text NOT NULL,
  keywords text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE ledger.transaction (
  id bigint PRIMARY KEY,
  account_id integer NOT NULL,
  category_id smallint,
  booked_at timestamptz NOT NULL,
  amount numeric(14, 2) NOT NULL CHECK (amount <> 0),
  exchange_rate numeric,
  is_outgoing boolean GENERATED ALWAYS AS (amount < 0) STORED,
  counterparty text NOT NULL,
  purpose text,
  tags text[],
  voucher bigint NOT NULL DEFAULT nextval('ledger.voucher_number')
);
ALTER SEQUENCE ledger.voucher_number OWNED BY ledger.transaction.voucher;

CREATE TABLE ledger.budget (
  category_id smallint NOT NULL REFERENCES ledger.category,
  month date NOT NULL,
  planned numeric(12, 2) NOT NULL,
  period daterange NOT NULL,
  PRIMARY KEY (category_id, month)
);

INSERT INTO ledger.account (name, kind, currency, iban, opened_on, closed_on, settings)
SELECT
  (ARRAY['Girokonto', 'Notgroschen', 'Crédit Agricole', 'Portmonnaie', 'Depot „Zukunft“', 'Løn & Gæld', '家計', 'Őstartalék'])[1 + i % 8] || ' ' || i,
  (enum_range(NULL::ledger.account_kind))[1 + i % 5],
  (ARRAY['EUR', 'EUR', 'EUR', 'CHF', 'USD', 'DKK'])[1 + i % 6],
  CASE WHEN i % 5 <> 3 THEN 'DE' || lpad((i * 7919)::text, 20, '0') END,
  date '2015-01-01' + i,
  CASE WHEN i % 11 = 0 THEN date '2023-06-30' + i END,
  jsonb_build_object('color', '#' || substr(md5(i::text), 1, 6), 'shared', i % 3 = 0, 'limits', jsonb_build_array(i, NULL, i * 1.5))
FROM generate_series(1, 120) AS i;

INSERT INTO ledger.category (id, parent_id, name, keywords)
SELECT i, CASE WHEN i > 8 THEN 1 + i % 8 END,
  (ARRAY['Wohnen', 'Lebensmittel', 'Mobilität', 'Gesundheit', 'Bücher & Bildung', 'Reisen', 'Geschenke', 'Sonstiges'])[1 + i % 8]
    || CASE WHEN i > 8 THEN ' / ' || i ELSE '' END,
  ARRAY['Straße ' || i, 'a "quoted" word', 'comma, brace }', NULL, 'back\slash']
FROM generate_series(1, 64) AS i;

-- Every so often a purpose with all that a dump has to escape: a tab, a newline, a backslash, the end-of-data mark.
INSERT INTO ledger.transaction (id, account_id, category_id, booked_at, amount, exchange_rate, counterparty, purpose, tags)
SELECT
  i,
  1 + floor(random() * 120)::integer,
  CASE WHEN random() < 0.95 THEN 1 + floor(random() * 64)::integer END,
  timestamptz '2015-01-01 00:00:00.123456+00' + i * interval '21 minutes' + random() * interval '20 minutes',
  CASE WHEN random() < 0.8 THEN -1 ELSE 3 END * round((0.01 + random() ^ 4 * 2500)::numeric, 2),
  CASE WHEN i % 40 = 0 THEN round((0.8 + random() * 0.5)::numeric, 10) WHEN i % 9973 = 0 THEN 'NaN' END,
  (ARRAY['Bäckerei Müller', 'REWE', 'Stadtwerke Köln', 'Café «Übermut»', 'O''Reilly', 'SNCF', 'Łódź Książki', '無印良品', 'Apotheke am Ölberg', 'Deutsche Bahn AG'])[1 + floor(random() * 10)::integer],
  CASE
    WHEN i % 101 = 0 THEN E'Zeile 1\nZeile 2\tmit Tabulator und \\ Rückstrich ' || i
    WHEN i % 997 = 0 THEN E'\\.\n\\N\n' || i
    WHEN i % 7 = 0 THEN NULL
    WHEN i % 13 = 0 THEN ''
    ELSE 'Rechnung ' || md5(i::text) || ' vom ' || (date '2015-01-01' + i % 3650)
  END,
  CASE WHEN i % 10 = 0 THEN ARRAY['steuer', 'jahr ' || 2015 + i % 10, CASE WHEN i % 20 = 0 THEN 'privat' END] END
FROM generate_series(1, 240000) AS i;

INSERT INTO ledger.budget (category_id, month, planned, period)
SELECT c, m, round((random() * 900)::numeric, 2), daterange(m::date, (m + interval '1 month')::date)
FROM generate_series(1, 64) AS c, generate_series(timestamp '2015-01-01', timestamp '2024-12-01', interval '1 month') AS m;

-- A name that has to be quoted wherever it is used.
CREATE TABLE ledger."Notes & Größen" (
  "Id" uuid PRIMARY KEY,
  "Größe (cm)" double precision,
  "order" text NOT NULL
);
INSERT INTO ledger."Notes & Größen"
SELECT md5('note' || i)::uuid, CASE i % 50 WHEN 0 THEN 'Infinity' WHEN 1 THEN 'NaN' ELSE random() * 200 END, repeat('ß', i % 30) || '%' || i
FROM generate_series(1, 2000) AS i;

-- documents ---------------------------------------------------------------------------------------------------------------

CREATE TABLE documents.receipt (
  id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 5000) PRIMARY KEY,
  transaction_id bigint NOT NULL,
  file_name text NOT NULL,
  content bytea NOT NULL,
  scanned json,
  taken_at timestamptz
);
INSERT INTO documents.receipt (transaction_id, file_name, content, scanned, taken_at)
SELECT
  1 + i * 8, 'beleg ' || i || '.jpg',
  decode(md5(i::text) || md5('a' || i) || repeat('00ff5c0a', i % 16), 'hex'),
  json_build_object('seller', 'Händler ' || i, 'lines', json_build_array('1 × Brötchen', E'Tab\there', i), 'total', random()),
  CASE i % 3000 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN NULL ELSE timestamptz '2016-02-29 12:00:00+01' + i * interval '1 hour' END
FROM generate_series(0, 29999) AS i;

-- audit -------------------------------------------------------------------------------------------------------------------

CREATE TABLE audit.log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  address inet,
  change jsonb NOT NULL
);
INSERT INTO audit.log (at, actor, address, change)
SELECT
  timestamptz '2020-01-01 00:00:00+00' + i * interval '13 minutes',
  (ARRAY['anna', 'bjørn', 'çelik', 'system'])[1 + i % 4],
  ('10.' || i % 200 || '.' || i % 256 || '.1')::inet,
  jsonb_build_object('table', 'ledger.transaction', 'id', i * 2, 'before', NULL, 'after', jsonb_build_object('purpose', E'neu\n"' || i || '"'))
FROM generate_series(1, 100000) AS i;

-- What is derived ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.balance(account integer, until timestamptz DEFAULT 'infinity') RETURNS numeric
  LANGUAGE sql STABLE
  AS $$ SELECT coalesce(sum(amount), 0) FROM ledger.transaction WHERE account_id = account AND booked_at <= until $$;

CREATE FUNCTION audit.remember() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO audit.log (at, actor, change)
  VALUES (now(), current_user, jsonb_build_object('table', TG_TABLE_NAME, 'after', to_jsonb(NEW)));
  RETURN NEW;
END
$body$;
CREATE TRIGGER remember AFTER UPDATE ON ledger.account FOR EACH ROW EXECUTE FUNCTION audit.remember();

-- Checked once, which is faster than row by row above.
ALTER TABLE ledger.transaction ADD FOREIGN KEY (account_id) REFERENCES ledger.account;
ALTER TABLE ledger.transaction ADD FOREIGN KEY (category_id) REFERENCES ledger.category;
ALTER TABLE documents.receipt ADD FOREIGN KEY (transaction_id) REFERENCES ledger.transaction ON DELETE CASCADE;

CREATE INDEX transaction_by_account ON ledger.transaction (account_id, booked_at);
CREATE INDEX transaction_untidy ON ledger.transaction (id) WHERE category_id IS NULL;
CREATE INDEX receipt_by_transaction ON documents.receipt (transaction_id);
CREATE INDEX log_by_content ON audit.log USING hash (actor);

CREATE VIEW ledger.monthly AS
  SELECT date_trunc('month', booked_at AT TIME ZONE 'UTC')::date AS month, category.name AS category, sum(amount) AS total, count(*) AS transactions
  FROM ledger.transaction LEFT JOIN ledger.category ON category.id = category_id
  GROUP BY 1, 2;
COMMENT ON VIEW ledger.monthly IS 'What each category cost; it''s "all" in UTC';

CREATE MATERIALIZED VIEW ledger.yearly AS
  SELECT extract(year FROM month)::integer AS year, category, sum(total) AS total FROM ledger.monthly GROUP BY 1, 2
  WITH DATA;

COMMIT;
ANALYZE;
