// Surfaces and measurements of a corrected version are made by a job: waiting for it.

import { caseAt, get, type Case, type Job, type Result } from "../api";
import { attempt, say } from "../dom";

const ASKED_EVERY_MS = 1500;

/** Calls `done` once a result has all that belongs to it; gives a function that ends the waiting. */
export function whenComplete(about: Case, result: Result, done: (about: Case, result: Result) => Promise<void>): () => void {
  let timer = 0;
  const ask = async (): Promise<void> => {
    const [now, jobs] = await Promise.all([get<Case>(caseAt(about.name)), get<Job[]>("/api/jobs")]);
    const found = now.results.find((one) => one.name === result.name);
    const failed = jobs.find((job) => job.case === about.name && job.result === result.name && job.state === "failed");
    if (found?.complete) return done(now, found);
    if (failed) return say(failed.error, "error");
    wait();
  };
  const wait = (): void => {
    timer = window.setTimeout(() => void attempt(ask), ASKED_EVERY_MS);
  };
  if (!result.complete) wait();
  return () => window.clearTimeout(timer);
}
