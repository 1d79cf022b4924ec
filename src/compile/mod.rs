//! x
mod stage;
pub use stage::Stage;
