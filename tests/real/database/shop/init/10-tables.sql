CREATE ROLE till LOGIN PASSWORD 'till-password';
CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO till;
CREATE TYPE crm.level AS ENUM ('new', 'regular');
CREATE TABLE crm.people (
    code text PRIMARY KEY,
    phone text,
    note varchar(40) DEFAULT '',
    level crm.level NOT NULL DEFAULT 'new',
    changed timestamptz NOT NULL DEFAULT '2025-01-01'
);
CREATE FUNCTION crm.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := now(); RETURN NEW; END $$;
INSERT INTO crm.people (code, phone) SELECT 'p' || n, '+4477009' || (10000 + n) FROM generate_series(1, 20) n;
INSERT INTO crm.people (code, phone) VALUES ('nobody', NULL);
CREATE TRIGGER touch BEFORE UPDATE ON crm.people FOR EACH ROW EXECUTE FUNCTION crm.touch();
GRANT SELECT, INSERT, UPDATE, DELETE ON crm.people TO till;
CREATE TABLE public.alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO public.alembic_version VALUES ('1000');
