/** Stands where the evaluation would, when its part of the console could not be fetched. */
export function EvaluationMissing() {
  return (
    <section className="page-missing" aria-label="Evaluation">
      <p role="alert">
        The evaluation could not be fetched: the service is away, or was renewed meanwhile. Check
        that it runs, then reload the page.
      </p>
    </section>
  );
}
