//! `ringfence-load`: the load-test client.

mod report;
mod scrape;

fn main() {
    let outcome = report::Outcome::default();
    outcome.print_table();
}
