CREATE TABLE item (name text PRIMARY KEY, cents integer NOT NULL);

INSERT INTO item VALUES ('bread', 320), ('milk', 145);

