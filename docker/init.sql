-- What MySQL starts with: the account of Rowtide, and a small shop.

-- It may read everything and write nothing.
CREATE USER cdc@'%' IDENTIFIED BY 'cdcpass';
GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO cdc@'%';

CREATE DATABASE shop;
USE shop;

CREATE TABLE users (
    id INT PRIMARY KEY AUTO_INCREMENT,
    name VARCHAR(40) NOT NULL,
    email VARCHAR(60)
);
CREATE TABLE orders (
    id INT PRIMARY KEY AUTO_INCREMENT,
    user_id INT NOT NULL,
    item VARCHAR(40) NOT NULL,
    quantity INT NOT NULL,
    price DECIMAL(8, 2) NOT NULL,
    status ENUM('new', 'paid', 'sent') NOT NULL DEFAULT 'new',
    ordered_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (user_id) REFERENCES users (id)
);

INSERT INTO users (name, email) VALUES ('Ada', 'ada@shop.example'), ('Grace', 'grace@shop.example');
INSERT INTO orders (user_id, item, quantity, price) VALUES (1, 'teapot', 1, 24.90), (2, 'kite', 2, 17.50);
