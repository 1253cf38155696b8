//! A small shop: users sign up, order, change their minds and leave.

use std::process::Command;
use std::time::{Duration, Instant};

use rowtide_testbed::{Result, Session};

use super::SHOP;
use super::ledger::{Change, Ledger};

/// Between two events of the shop.
const PAUSE: Duration = Duration::from_millis(50);
const NAMES: [&str; 8] = [
    "Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Grace", "Hồng",
];
const ITEMS: [&str; 6] = ["teapot", "lantern", "notebook", "umbrella", "kite", "compass"];

/// The shop's connection and what it remembers.
pub(super) struct Shop {
    session: Session,
    step: i64,
    version: i64,
    users: Vec<i64>,
    orders: Vec<i64>,
    last_user: i64,
    last_order: i64,
    has_coupons: bool,
}

impl Shop {
    /// The tables of the shop.
    pub(super) const TABLES: [&str; 2] = ["users", "orders"];

    /// Makes the shop's tables.
    pub(super) fn open(client: &Command) -> Result<Shop> {
        let mut session = Session::open(client)?;
        session.execute(&format!(
            "CREATE DATABASE {SHOP}; USE {SHOP}; \
             CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(60), version INT); \
             CREATE TABLE orders (id INT PRIMARY KEY, user_id INT NOT NULL, item VARCHAR(40), \
             quantity INT, status ENUM('new', 'paid', 'sent') NOT NULL, ordered_at DATETIME, version INT)"
        ))?;
        let (users, orders) = (Vec::new(), Vec::new());
        let counters = (0, 0, 0, 0);
        let (step, version, last_user, last_order) = counters;
        Ok(Shop {
            session,
            step,
            version,
            users,
            orders,
            last_user,
            last_order,
            has_coupons: false,
        })
    }

    /// Keeps the shop busy; half-way the table of orders gets a column.
    pub(super) fn work(&mut self, time: Duration, ledger: &Ledger) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if !self.has_coupons && begun.elapsed() > time / 2 {
                println!("            ALTER TABLE orders ADD COLUMN coupon VARCHAR(20) AFTER item");
                self.session
                    .execute("ALTER TABLE orders ADD COLUMN coupon VARCHAR(20) AFTER item")?;
                self.has_coupons = true;
            }
            self.step += 1;
            let (sql, changes) = self.next_event();
            ledger.announce(&changes);
            self.session.execute(&sql)?;
            ledger.confirm(&changes);
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// The statements of the next event, one transaction, and the changes they make.
    fn next_event(&mut self) -> (String, Vec<Change>) {
        match self.step % 10 {
            1 | 5 => self.sign_up(),
            4 | 8 if !self.orders.is_empty() => self.move_order(),
            7 if self.orders.len() > 4 => self.cancel(),
            9 => self.change_email(),
            0 if self.users.len() > 6 => self.leave(),
            _ => self.order(),
        }
    }

    fn sign_up(&mut self) -> (String, Vec<Change>) {
        self.last_user += 1;
        let id = self.last_user;
        self.users.push(id);
        let name = pick(&NAMES, id);
        let change = self.change("users", "c", id);
        let version = change.version;
        let sql = format!("INSERT INTO users VALUES ({id}, '{name}', 'user{id}@shop.example', {version})");
        (sql, vec![change])
    }

    /// An order, and the customer's row touched in the same transaction.
    fn order(&mut self) -> (String, Vec<Change>) {
        self.last_order += 1;
        let (id, user) = (self.last_order, self.any_user());
        self.orders.push(id);
        let (item, quantity) = (pick(&ITEMS, id * 5 + 1), id % 3 + 1);
        let (order, touched) = (self.change("orders", "c", id), self.change("users", "u", user));
        let (column, coupon) = if self.has_coupons {
            (", coupon", ", 'SPRING-10'")
        } else {
            ("", "")
        };
        let sql = format!(
            "BEGIN; INSERT INTO orders (id, user_id, item, quantity, status, ordered_at, version{column}) \
             VALUES ({id}, {user}, '{item}', {quantity}, 'new', NOW(), {}{coupon}); \
             UPDATE users SET version = {} WHERE id = {user}; COMMIT",
            order.version, touched.version
        );
        (sql, vec![order, touched])
    }

    fn move_order(&mut self) -> (String, Vec<Change>) {
        let id = pick(&self.orders, self.step);
        let status = if self.step % 10 == 4 { "paid" } else { "sent" };
        let change = self.change("orders", "u", id);
        let sql = format!(
            "UPDATE orders SET status = '{status}', version = {} WHERE id = {id}",
            change.version
        );
        (sql, vec![change])
    }

    fn cancel(&mut self) -> (String, Vec<Change>) {
        let id = self.orders.remove(0);
        (
            format!("DELETE FROM orders WHERE id = {id}"),
            vec![self.change("orders", "d", id)],
        )
    }

    fn change_email(&mut self) -> (String, Vec<Change>) {
        let id = self.any_user();
        let change = self.change("users", "u", id);
        let version = change.version;
        let sql = format!(
            "UPDATE users SET email = 'user{id}.{version}@shop.example', version = {version} WHERE id = {id}"
        );
        (sql, vec![change])
    }

    fn leave(&mut self) -> (String, Vec<Change>) {
        let id = self.users.remove(0);
        (
            format!("DELETE FROM users WHERE id = {id}"),
            vec![self.change("users", "d", id)],
        )
    }

    fn any_user(&self) -> i64 {
        pick(&self.users, self.step)
    }

    fn change(&mut self, table: &str, op: &str, id: i64) -> Change {
        self.version += 1;
        let version = if op == "d" { 0 } else { self.version };
        Change {
            table: table.to_owned(),
            op: op.to_owned(),
            id,
            version,
        }
    }
}

/// One of the values, another for another number.
fn pick<T: Copy + Default>(values: &[T], number: i64) -> T {
    let place = number.unsigned_abs() as usize % values.len().max(1);
    values.get(place).copied().unwrap_or_default()
}
