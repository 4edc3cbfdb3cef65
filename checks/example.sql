-- What a restored database must answer: copy this file to checks.sql, and set VERIFY_CHECKS=/checks/checks.sql. Every query
-- ends with a semicolon. Without more words, it must return one row with one value: true.

-- check: there are orders
-- database: shop
select count(*) > 1000 from orders;

-- check: every order has a customer
-- database: shop
-- returns: no rows
-- timeout: 600
select id from orders where customer is null;
