-- A database of about 500 MB of plain SQL per unit of :scale: mostly text, as in a shop or a forum, with JSON, keys, numbers and
-- times beside it. The text is drawn from random words, so that it compresses like prose (about 5 : 1) and not like md5.
-- Load with: psql -v scale=1 -f sample.sql
\set ON_ERROR_STOP on
select setseed(0.5) \g /dev/null
create schema shop;

create temporary table words as
select n, string_agg(substr('etaoinshrdlucmfwypvbgkjqxzäöü', 1 + floor(28 * random() ^ 2)::int, 1), '') as word
from generate_series(1, 300) n, generate_series(1, 3 + n % 8) letter group by n;
create temporary table picks as
select n, 1 + floor(300 * random() ^ 4)::int as word from generate_series(1, 20000) n, generate_series(1, 14);
create temporary table sentences as
select p.n, string_agg(w.word, ' ') || '.' as text from picks p join words w on w.n = p.word group by p.n;
create temporary table paragraphs as
select 1 + s.n / 4 as n, string_agg(s.text, ' ') as text from sentences s group by 1;
create unique index on sentences (n);
create unique index on paragraphs (n);
analyze sentences, paragraphs;

create table shop.customers (
  id bigint generated always as identity primary key,
  name text not null,
  email text not null,
  created_at timestamptz not null
);
create table shop.orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references shop.customers,
  total numeric(12, 2) not null,
  state text not null,
  note text
);
create table shop.reviews (
  id bigint generated always as identity primary key,
  customer_id bigint not null references shop.customers,
  title text not null,
  body text not null
);

insert into shop.customers (name, email, created_at)
select initcap(substr(md5(n::text), 1, 12)), 'customer' || n || '@example.com', timestamptz '2020-01-01 UTC' + n * interval '7 minutes'
from generate_series(1, 100000 * :scale) n;

insert into shop.orders (customer_id, total, state, note)
select 1 + (i::bigint * 7919) % (100000 * :scale), (i::bigint * 31 % 100000) / 100.0, (array['new','paid','sent','back'])[1 + i % 4], s.text
from generate_series(1, 400000 * :scale) as g (i) left join sentences s on i % 3 = 0 and s.n = 1 + i % 20000;

insert into shop.reviews (customer_id, title, body)
select 1 + (i::bigint * 104729) % (100000 * :scale), s.text, a.text || E'\n' || b.text || ' ' || c.text
from generate_series(1, 330000 * :scale) as g (i)
join sentences s on s.n = 1 + (i * 13) % 20000
join paragraphs a on a.n = 1 + (i * 17) % 5000
join paragraphs b on b.n = 1 + (i * 29) % 5000
join paragraphs c on c.n = 1 + (i * 31) % 5000;

create table shop.events (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  payload jsonb not null
);
insert into shop.events (at, payload)
select timestamptz '2020-01-01 UTC' + i * interval '7 seconds',
  jsonb_build_object('kind', (array['click','view','buy'])[1 + i % 3], 'customer', i % 100000, 'amount', (i % 9973) / 100.0,
    'tags', jsonb_build_array(md5(i::text), i % 100), 'page', jsonb_build_object('path', '/item/' || i, 'ms', i % 1000))
from generate_series(1, 300000 * :scale) as g (i);

create index on shop.orders (customer_id);
analyze;
