-- Three roles for Millrace, each with what it needs and no more:
--
--     millrace_migrator   makes and changes tables: `processor migrate`, and the tables of sinks
--     millrace_runtime    reads and writes rows: `processor run`. It makes no table and empties none
--     millrace_reader     reads: dashboards, and people with the queries of docs/LEDGER.md. Dead letters hold records as they came
--
-- Run it in the database that holds the ledger and the sinks' tables, as a superuser, or as the database's owner with CREATEROLE:
--
--     psql -v ON_ERROR_STOP=1 -1 -d DATABASE -f roles.sql
--     psql -d DATABASE -c '\password millrace_runtime'        (and the others: a role without a password does not come in by one)
--
-- Running it again changes nothing; run it again after a new schema of sinks. The ledger's schema is "millrace" and the sinks' tables are in
-- "public": for other names change them here (and MILLRACE_LEDGER_SCHEMA).

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['millrace_migrator', 'millrace_runtime', 'millrace_reader'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', name);
		END IF;
		EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
	END LOOP;

	-- Who is no superuser may give things to a role, and set its default privileges, only as its member.
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
		EXECUTE format('GRANT millrace_migrator TO %I', current_user);
	END IF;

	-- CREATE SCHEMA IF NOT EXISTS, which `migrate` begins with, asks for this even where the schema is there.
	EXECUTE format('GRANT CREATE ON DATABASE %I TO millrace_migrator', current_database());
END
$$;

-- The ledger.
CREATE SCHEMA IF NOT EXISTS millrace AUTHORIZATION millrace_migrator;
GRANT USAGE ON SCHEMA millrace TO millrace_runtime, millrace_reader;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA millrace TO millrace_runtime;
GRANT SELECT ON ALL TABLES IN SCHEMA millrace TO millrace_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE millrace_migrator IN SCHEMA millrace GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO millrace_runtime;
ALTER DEFAULT PRIVILEGES FOR ROLE millrace_migrator IN SCHEMA millrace GRANT SELECT ON TABLES TO millrace_reader;

-- The sinks' tables: those that millrace_migrator makes. For a table of another owner, that owner runs
--     GRANT SELECT, INSERT, UPDATE ON TABLE … TO millrace_runtime;
-- No sink of this version deletes rows.
GRANT USAGE, CREATE ON SCHEMA public TO millrace_migrator;
GRANT USAGE ON SCHEMA public TO millrace_runtime, millrace_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE millrace_migrator IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO millrace_runtime;
ALTER DEFAULT PRIVILEGES FOR ROLE millrace_migrator IN SCHEMA public GRANT SELECT ON TABLES TO millrace_reader;

-- Before Postgres 15 every role may make tables in "public". If nothing else in the database counts on that:
--     REVOKE CREATE ON SCHEMA public FROM PUBLIC;
