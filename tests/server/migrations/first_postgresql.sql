CREATE TABLE public.blocked_faces (
    id character varying(16) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    note character varying(200) NOT NULL,
    added double precision NOT NULL
);
CREATE TABLE public.consents (
    job character varying(64) NOT NULL,
    owner character varying(64) NOT NULL,
    face character varying(80) NOT NULL,
    given double precision NOT NULL
);
CREATE TABLE public.jobs (
    seq bigint NOT NULL,
    id character varying(64) NOT NULL,
    owner character varying(64) NOT NULL,
    status character varying(16) NOT NULL,
    place character varying(64) NOT NULL,
    "order" json NOT NULL,
    created double precision NOT NULL,
    started double precision,
    ended double precision,
    frames_total integer NOT NULL,
    frames_done integer NOT NULL,
    attempts integer NOT NULL,
    version integer NOT NULL,
    lease character varying(64),
    lease_until double precision,
    idempotency_key character varying(255),
    idempotency_digest character varying(128),
    webhook text,
    webhook_due double precision,
    webhook_tries integer NOT NULL,
    metadata text,
    outcome json,
    failure json
);
CREATE SEQUENCE public.jobs_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.jobs_seq_seq OWNED BY public.jobs.seq;
CREATE TABLE public.keys (
    id character varying(16) NOT NULL,
    name character varying(64) NOT NULL,
    digest character varying(64) NOT NULL,
    secret character varying(64) NOT NULL,
    created double precision NOT NULL,
    revoked double precision
);
CREATE TABLE public.operators (
    key character varying(16) NOT NULL
);
CREATE TABLE public.schema_version (
    version integer NOT NULL
);
CREATE SEQUENCE public.schema_version_version_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.schema_version_version_seq OWNED BY public.schema_version.version;
CREATE TABLE public.secrets (
    name character varying(32) NOT NULL,
    value character varying(64) NOT NULL
);
ALTER TABLE ONLY public.jobs ALTER COLUMN seq SET DEFAULT nextval('public.jobs_seq_seq'::regclass);
ALTER TABLE ONLY public.schema_version ALTER COLUMN version SET DEFAULT nextval('public.schema_version_version_seq'::regclass);
INSERT INTO public.blocked_faces VALUES ('147e3e3a', '9249249249249249249249249249249249249249249249249249249249249249', 'request 17', 1796114692.9137275);
INSERT INTO public.consents VALUES ('succeeded', '9ad41e75', 'portrait:eileen-collins', 1796114692.8838696);
INSERT INTO public.consents VALUES ('told', '9ad41e75', 'portrait:eileen-collins', 1796114692.8916626);
INSERT INTO public.consents VALUES ('kept', '', 'portrait:eileen-collins', 1796114692.895304);
INSERT INTO public.consents VALUES ('template', 'bbe7c260', 'portrait:eileen-collins', 1796114692.8983366);
INSERT INTO public.consents VALUES ('failed', '9ad41e75', 'portrait:eileen-collins', 1796114692.901412);
INSERT INTO public.consents VALUES ('rejected', '9ad41e75', 'portrait:eileen-collins', 1796114692.904572);
INSERT INTO public.consents VALUES ('cancelled', '9ad41e75', 'portrait:eileen-collins', 1796114692.907208);
INSERT INTO public.consents VALUES ('running', '9ad41e75', 'portrait:eileen-collins', 1796114692.9097357);
INSERT INTO public.consents VALUES ('queued', '9ad41e75', 'portrait:eileen-collins', 1796114692.912879);
INSERT INTO public.consents VALUES ('nobody', '', 'portrait:eileen-collins', 1796114692.9134653);
INSERT INTO public.jobs VALUES (1, 'succeeded', '9ad41e75', 'succeeded', 'place-succeeded', '{"place": "place-succeeded", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, 1796114692.8846383, 1796114692.889856, 3, 3, 1, 3, NULL, NULL, 'key-1', 'digest', 'https://example.org/hook', 0, 0, '{"mine": 1}', '{"stored": {"token": "ttttttttttttttttttttttttttttttttttttttttttt.mp4", "bytes": 1234, "sha256": "5ha", "expires": 1796201092.8809252}, "width": 256, "height": 256, "frames": 3, "fps": 25.0, "faces": [{"box": [0.0, 1.0, 2.0, 3.0], "score": 0.5}], "seconds": {"find": 1.0}, "sound": true}', NULL);
INSERT INTO public.jobs VALUES (2, 'told', '9ad41e75', 'succeeded', 'place-told', '{"place": "place-told", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, 1796114692.8919165, 1796114692.893886, 3, 3, 1, 3, NULL, NULL, NULL, NULL, 'https://example.org/hook', NULL, 1, NULL, '{"stored": {"token": "ttttttttttttttttttttttttttttttttttttttttttt.mp4", "bytes": 1234, "sha256": "5ha", "expires": 1796201092.8809252}, "width": 256, "height": 256, "frames": 3, "fps": 25.0, "faces": [{"box": [0.0, 1.0, 2.0, 3.0], "score": 0.5}], "seconds": {"find": 1.0}, "sound": true}', NULL);
INSERT INTO public.jobs VALUES (3, 'kept', '', 'succeeded', 'place-kept', '{"place": "place-kept", "portrait": null, "template": null, "card": null, "format": "gif", "size": 512, "mode": "relative", "strength": 1.0, "paste": "full", "face": "largest", "audio": true, "mirror": false, "label": "de", "keep": true}', 1796114692.8809252, 1796114692.8955266, 1796114692.8970242, 3, 3, 1, 3, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '{"stored": {"token": "ttttttttttttttttttttttttttttttttttttttttttt.mp4", "bytes": 1234, "sha256": "5ha", "expires": 1796201092.8809252}, "width": 256, "height": 256, "frames": 3, "fps": 25.0, "faces": [{"box": [0.0, 1.0, 2.0, 3.0], "score": 0.5}], "seconds": {"find": 1.0}, "sound": true}', NULL);
INSERT INTO public.jobs VALUES (4, 'template', 'bbe7c260', 'succeeded', 'place-template', '{"place": "place-template", "portrait": null, "template": "new", "card": {"title": "New", "tags": ["a"]}, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.0, "paste": "full", "face": "largest", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, 1796114692.898576, 1796114692.9002264, 50, 50, 1, 3, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, '{"stored": null, "width": 0, "height": 0, "frames": 50, "fps": 25.0, "faces": [], "seconds": {"add": 2.0}, "sound": false}', NULL);
INSERT INTO public.jobs VALUES (5, 'failed', '9ad41e75', 'failed', 'place-failed', '{"place": "place-failed", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, 1796114692.9016476, 1796114692.903022, 3, 0, 1, 3, NULL, NULL, NULL, NULL, 'https://example.org/hook', 0, 0, NULL, NULL, '{"code": "no_face_found", "detail": "No face was found."}');
INSERT INTO public.jobs VALUES (6, 'rejected', '9ad41e75', 'rejected', 'place-rejected', '{"place": "place-rejected", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, 1796114692.9048166, 1796114692.9062839, 3, 0, 1, 3, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, '{"code": "face_blocked", "detail": "Someone asked not to be used."}');
INSERT INTO public.jobs VALUES (7, 'cancelled', '9ad41e75', 'cancelled', 'place-cancelled', '{"place": "place-cancelled", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, NULL, 1796114692.9083877, 3, 0, 0, 2, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES (8, 'running', '9ad41e75', 'running', 'place-running', '{"place": "place-running", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, 1796114692.909936, NULL, 3, 1, 1, 3, '5XVzY9oHJC9FHAa5Phcmws1xPPpJyyZi3xSCE7NnU88', 1796114752.9112096, NULL, NULL, 'https://example.org/hook', 0, 0, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES (9, 'queued', '9ad41e75', 'queued', 'place-queued', '{"place": "place-queued", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, NULL, NULL, 3, 0, 0, 1, NULL, NULL, 'key-2', 'digest', 'https://example.org/hook', 0, 0, 'queued''s own', NULL, NULL);
INSERT INTO public.jobs VALUES (10, 'nobody', '', 'queued', 'place-nobody', '{"place": "place-nobody", "portrait": null, "template": "nod", "card": null, "format": "mp4", "size": 256, "mode": "relative", "strength": 1.5, "paste": "full", "face": "1", "audio": true, "mirror": false, "label": null, "keep": false}', 1796114692.8809252, NULL, NULL, 3, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);
INSERT INTO public.keys VALUES ('9ad41e75', 'first', 'b612de4a3ff1c020071aae79dce44a855f0f1b30a5103835d929d2a48a3eeab1', 'whsec_i5TchqMM5UM7KFxT4gGtKWt2GzX_9-aV', 1796114692.8753097, NULL);
INSERT INTO public.keys VALUES ('bbe7c260', 'operator', '8d6edd069903d561eb44afeb2470bd0f33bf5ac02a15ea9d90ef36b67ad07009', 'whsec_nUtT0QEq_sPKFCv1LoOBOrJVgRju62Rq', 1796114692.8770418, NULL);
INSERT INTO public.keys VALUES ('abed4148', 'revoked', 'c2e6f093b216457aed43408f7f9f184c1e7ec978c894eb7152e43eda85a0ab71', 'whsec_H5ytHJkvURbnfYJoAv-vvO7tz6Z07goQ', 1796114692.8765373, 1796114692.8782582);
INSERT INTO public.operators VALUES ('bbe7c260');
INSERT INTO public.schema_version VALUES (1);
INSERT INTO public.secrets VALUES ('results', 'TF5db19MQLJ39tgqsvuVvCawBeI71urTJwP30J3DV9k');
SELECT pg_catalog.setval('public.jobs_seq_seq', 10, true);
SELECT pg_catalog.setval('public.schema_version_version_seq', 1, false);
ALTER TABLE ONLY public.blocked_faces
    ADD CONSTRAINT blocked_faces_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.consents
    ADD CONSTRAINT consents_pkey PRIMARY KEY (job);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_id_key UNIQUE (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_owner_idempotency_key_key UNIQUE (owner, idempotency_key);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.operators
    ADD CONSTRAINT operators_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);
CREATE INDEX consents_by_face ON public.consents USING btree (face);
CREATE INDEX consents_by_time ON public.consents USING btree (given);
CREATE INDEX jobs_by_start ON public.jobs USING btree (started);
CREATE INDEX jobs_by_status ON public.jobs USING btree (status, owner);
