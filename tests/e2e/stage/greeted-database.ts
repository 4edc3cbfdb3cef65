/** A database `greeted` with a trigger that writes at each login, and lets nobody into a database of another name. */
export const GREETED = `
create table logins (who text);
create function greet() returns event_trigger security definer language plpgsql as $$ begin
  if current_database() <> 'greeted' then raise exception 'nobody gets in here'; end if;
  insert into public.logins values (session_user);
end $$;
create event trigger greet on login execute function greet();
alter event trigger greet enable always;`;
